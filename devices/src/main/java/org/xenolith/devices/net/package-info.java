/** Ethernet among guests: addresses, checksums, segmentation, learning switches and packet capture. */
package org.xenolith.devices.net;
