/** Breaks the engine's code on purpose, one rule at a time, and sees whether the simulator notices. */
@NullMarked
package storage.cairn.engine.variants;

import org.jspecify.annotations.NullMarked;
