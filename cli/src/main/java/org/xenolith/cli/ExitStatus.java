package org.xenolith.cli;

import org.xenolith.emulator.Outcome;
import org.xenolith.emulator.RunResult;

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
    static final String LIST_GUEST = "1-119:what the guest wrote to its isa-debug-exit port, F4h";
    static final String LIST_124 = "124:a time limit was reached (--timeout, --wall-timeout, --idle-timeout)";
    static final String LIST_125 = "125:a fault of Xenolith itself; please report it";
    static final String LIST_126 = "126:a bad option, configuration or image";
    static final String LIST_127 = "127:a file that is not there";
    static final String LIST_130 = "130:ended by Ctrl-C (SIGINT)";
    static final String LIST_134 = "134:a guest crashed or panicked; of several guests, the worst counts";
    static final String LIST_143 = "143:ended by SIGTERM";

    /** The highest status that a guest can ask for by isa-debug-exit. */
    private static final int MOST_OF_A_GUEST = 119;

    private ExitStatus() {
    }

    /** The status of a run: what a guest has asked for, 1 to 119, or what its outcome says. */
    static int of(RunResult result) {
        return result.exitCode() > 0 && result.exitCode() <= MOST_OF_A_GUEST
                ? result.exitCode()
                : of(result.outcome());
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
