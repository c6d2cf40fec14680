/** How memberships and names of volumes are read and changed on the API server, for everybody who does. */
@NullMarked
package storage.cairn.api.register;

import org.jspecify.annotations.NullMarked;
