/** Disk images: opening them by name and format, what lies below the formats, raw images, and overlays that keep files as they are. */
package org.xenolith.guests.image;
