/** The xenstore daemon in process: tree, watches, transactions, quotas, the ring transport and a client for services. */
package org.xenolith.hypervisor.xenstore;
