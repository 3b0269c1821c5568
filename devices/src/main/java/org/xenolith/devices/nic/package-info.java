/** Network cards with drivers in every operating system: Intel 82540EM and Realtek 8139C+. */
package org.xenolith.devices.nic;
