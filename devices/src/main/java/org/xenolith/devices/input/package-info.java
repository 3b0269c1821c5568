/** What people do to a PC: the keys of its keyboard, characters and X11 keysyms that stand for them, and the pointer. */
package org.xenolith.devices.input;
