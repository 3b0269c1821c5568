/** QEMU's qcow2, versions 2 and 3, after docs/interop/qcow2.txt of QEMU: reading, crash-safe writing, checking, repairing, snapshots. */
package org.xenolith.guests.image.qcow2;
