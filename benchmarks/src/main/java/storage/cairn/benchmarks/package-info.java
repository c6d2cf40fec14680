/** What {@code ./cairn bench} needs of Java. The micro-benchmarks are in the packages of what they measure. */
@NullMarked
package storage.cairn.benchmarks;

import org.jspecify.annotations.NullMarked;
