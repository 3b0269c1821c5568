/** The block backend: serves a guest's virtual disks from images, by the protocol of public/io/blkif.h. */
package org.xenolith.hypervisor.blkback;
