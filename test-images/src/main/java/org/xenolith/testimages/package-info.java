/** Small guests that show one feature each, with the text that they are expected to print. */
package org.xenolith.testimages;
