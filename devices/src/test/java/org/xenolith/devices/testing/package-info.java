/** What tests of devices stand on: a board without a CPU, and random programs for devices. */
package org.xenolith.devices.testing;
