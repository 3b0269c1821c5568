/** How a guest's network interfaces are described: the text of {@code --net} and of {@code vif} in xl configuration files. */
package org.xenolith.guests.net;
