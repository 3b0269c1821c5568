/** QEMU's firmware configuration device, through which firmware learns of the machine. */
package org.xenolith.devices.fwcfg;
