/** Guest configuration files in xl's language (xl.cfg(5)): the parser, and the settings of a domain. */
package org.xenolith.guests.config;
