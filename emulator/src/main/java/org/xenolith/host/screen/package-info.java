/** Where a guest's screen goes and its keys come from: a VNC server, the terminal, pictures and text files. */
package org.xenolith.host.screen;
