/** Serial ports, and the one-byte ports that firmware and kernels print to. */
package org.xenolith.devices.serial;
