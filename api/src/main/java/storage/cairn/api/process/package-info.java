/** What the processes of the control plane have in common. */
@NullMarked
package storage.cairn.api.process;

import org.jspecify.annotations.NullMarked;
