/** The reference tier: cached decoded blocks and the interpreter that runs them. */
package org.xenolith.cpu.interp;
