/** The devices that a PC has, one file a device, each knowing only memory, bus and virtual time. */
package org.xenolith.devices;
