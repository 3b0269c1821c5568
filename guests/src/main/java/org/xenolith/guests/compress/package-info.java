/** Decompression of what Linux kernels are packed with, bounded in memory whatever the input claims. */
package org.xenolith.guests.compress;
