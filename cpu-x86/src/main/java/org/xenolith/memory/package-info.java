/** Raw and guest-physical memory: the only place, with the code cache, that touches host addresses. */
package org.xenolith.memory;
