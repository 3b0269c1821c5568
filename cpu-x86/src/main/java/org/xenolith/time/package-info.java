/** Virtual time: the clock that counts retired instructions, and the deadlines that hang on it. */
package org.xenolith.time;
