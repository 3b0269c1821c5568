package org.xenolith.cli;

import java.io.FileDescriptor;
import java.io.FileInputStream;
import java.io.FileOutputStream;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.Optional;
import org.xenolith.host.Terminal;

/**
 * What the commands stand on.
 *
 * @param in standard input, bytes as they come
 * @param out standard output, bytes as they go
 * @param messages what we say on standard error
 * @param terminal the terminal, if standard input and output are one
 * @param machines where machines come from
 */
record App(InputStream in, OutputStream out, Messages messages, Optional<Terminal> terminal, MachineFactory machines) {
    /** The process' own streams. Standard error is replaced by one that suits a raw terminal. */
    static App ofProcess() {
        Terminal terminal = new Terminal();
        PrintStream err = Messages.standardError(new FileOutputStream(FileDescriptor.err), terminal::isRaw);
        System.setErr(err);
        boolean interactive = terminal.isTerminal(Terminal.STDIN) && terminal.isTerminal(Terminal.STDOUT);
        return new App(new FileInputStream(FileDescriptor.in), new FileOutputStream(FileDescriptor.out),
                new Messages(err, terminal.isTerminal(Terminal.STDERR)),
                interactive ? Optional.of(terminal) : Optional.empty(), MachineFactory.real());
    }

    /** Standard output for text of ours: tables, JSON. */
    PrintStream text() {
        return new PrintStream(out, true, StandardCharsets.UTF_8);
    }
}
