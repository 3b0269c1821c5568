/**
 * Compares the interpreter with the host CPU, instruction by instruction: random encodings of every row of the table on
 * random state, every difference outside a written list being a fault of ours; and runs whole random programs in every
 * execution tier and on the host.
 */
package org.xenolith.cpu.oracle;
