/** What a toolstack does for a new domain: connecting its console and xenstore rings with the services of domain 0. */
package org.xenolith.hypervisor.toolstack;
