package org.xenolith.cli;

import org.xenolith.emulator.Outcome;

/** The exit statuses of the command; {@code --help} lists them. */
final class ExitStatus {
    /** All guests ended well, or the user left the console. */
    static final int OK = 0;
    /** A time limit was reached. */
    static final int TIME_LIMIT = 124;
    /** A fault of Xenolith itself. */
    static final int INTERNAL = 125;
    /** A bad option, configuration or image. */
    static final int USAGE = 126;
    /** A file that is not there. */
    static final int NO_FILE = 127;
    /** A guest crashed or panicked. */
    static final int GUEST_CRASH = 134;

    /** For picocli's annotations; 130 and 143 are what the JVM itself ends with after these signals. */
    static final String LIST_HEADING = "%nExit status:%n";
    static final String LIST_0 = "0:all guests ended well (power-off, reboot with --no-reboot), or you left the console";
    static final String LIST_124 = "124:a time limit was reached (--timeout, --wall-timeout, --idle-timeout)";
    static final String LIST_125 = "125:a fault of Xenolith itself; please report it";
    static final String LIST_126 = "126:a bad option, configuration or image";
    static final String LIST_127 = "127:a file that is not there";
    static final String LIST_130 = "130:ended by Ctrl-C (SIGINT)";
    static final String LIST_134 = "134:a guest crashed or panicked; of several guests, the worst counts";
    static final String LIST_143 = "143:ended by SIGTERM";

    private ExitStatus() {
    }

    /** The status of a run that ended with {@code outcome}. */
    static int of(Outcome outcome) {
        return switch (outcome) {
            case POWEROFF, REBOOT, DESTROYED -> OK;
            case TIMEOUT -> TIME_LIMIT;
            case CRASH -> GUEST_CRASH;
        };
    }
}
