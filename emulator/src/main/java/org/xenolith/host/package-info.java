/** The host edge: terminals, pseudo-terminals, sockets and host threads, and nothing that a guest can see directly. */
package org.xenolith.host;
