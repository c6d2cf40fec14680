/** Real engines under real faults: the schedule, the faults, the load and what is checked. */
@NullMarked
package storage.cairn.campaign;

import org.jspecify.annotations.NullMarked;
