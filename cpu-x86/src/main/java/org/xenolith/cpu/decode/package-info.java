/** From bytes to instructions: the table's row format, the decoder and straight-line blocks. */
package org.xenolith.cpu.decode;
