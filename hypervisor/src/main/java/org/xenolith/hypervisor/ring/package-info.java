/** Access to pages that a guest shares with a backend, as the shared-ring protocols see them. */
package org.xenolith.hypervisor.ring;
