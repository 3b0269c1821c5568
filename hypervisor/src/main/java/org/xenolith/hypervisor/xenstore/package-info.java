/** The xenstore daemon in process: tree, watches, transactions, quotas, rings, and a client for services. */
package org.xenolith.hypervisor.xenstore;
