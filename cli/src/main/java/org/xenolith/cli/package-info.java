/** The command line: subcommands, console, progress and exit statuses. */
package org.xenolith.cli;
