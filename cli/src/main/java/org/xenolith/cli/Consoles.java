package org.xenolith.cli;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import org.xenolith.emulator.Console;
import org.xenolith.emulator.DomainConfig;
import org.xenolith.host.StreamConsole;

/** The consoles of a run's guests, open until they are closed together. */
final class Consoles implements AutoCloseable {
    private final Map<String, Console> consoles = new HashMap<>();
    private final List<LineConsole> lines = new ArrayList<>();
    private final List<StreamConsole> streams = new ArrayList<>();
    private final List<OutputStream> files = new ArrayList<>();

    private Consoles() {
    }

    /**
     * Opens them.
     *
     * @param escape what Ctrl-] on the console of a guest that is alone does; null to let the guest have it
     * @param broken hears of an output that takes no more
     */
    static Consoles open(ConsoleTarget target, List<DomainConfig> domains, App app, Runnable escape,
            Consumer<IOException> broken) throws IOException {
        Consoles all = new Consoles();
        boolean done = false;
        try {
            if (target.directory().isPresent()) {
                for (DomainConfig d : domains) {
                    OutputStream out = all
                            .file(Files.newOutputStream(target.directory().get().resolve(d.name() + ".log")));
                    all.consoles.put(d.name(), new ConsoleAdapter(all.stream(null, out, null, broken)));
                }
            } else {
                boolean alone = domains.size() == 1;
                boolean typed = alone && target.standard();
                OutputStream out = target.standard()
                        ? app.out()
                        : all.file(Files.newOutputStream(target.file().orElseThrow()));
                StreamConsole stream = all.stream(typed ? app.in() : null, out, typed ? escape : null, broken);
                for (DomainConfig d : domains) {
                    all.consoles.put(d.name(), alone ? new ConsoleAdapter(stream) : all.line(stream, d.name()));
                }
            }
            done = true;
            return all;
        } finally {
            if (!done) {
                all.close();
            }
        }
    }

    private OutputStream file(OutputStream out) {
        files.add(out);
        return out;
    }

    private StreamConsole stream(InputStream in, OutputStream out, Runnable escape, Consumer<IOException> broken) {
        StreamConsole stream = new StreamConsole(in, out, escape, broken);
        streams.add(stream);
        return stream;
    }

    private Console line(StreamConsole stream, String name) {
        LineConsole console = new LineConsole(stream, name);
        lines.add(console);
        return console;
    }

    Console of(DomainConfig domain) {
        return consoles.get(domain.name());
    }

    @Override
    public void close() throws IOException {
        lines.forEach(LineConsole::finish);
        streams.forEach(StreamConsole::close);
        for (OutputStream file : files) {
            file.close();
        }
    }

    private record ConsoleAdapter(StreamConsole stream) implements Console {
        @Override
        public boolean output(byte[] bytes, int offset, int length) {
            return stream.output(bytes, offset, length);
        }

        @Override
        public int input(byte[] into, int offset, int length) {
            return stream.input(into, offset, length);
        }

        @Override
        public boolean inputEnded() {
            return stream.inputEnded();
        }

        @Override
        public void await(long millis) {
            stream.await(millis);
        }

        @Override
        public void interrupt() {
            stream.interrupt();
        }
    }
}
