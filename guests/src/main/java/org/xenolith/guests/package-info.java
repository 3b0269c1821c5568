/** Guest images and domain builders: what turns files into the first state of a domain. */
package org.xenolith.guests;
