package org.xenolith.cpu.jit;

import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.security.CodeSource;
import java.util.Enumeration;
import java.util.OptionalLong;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;
import org.xenolith.cpu.jit.host.HostException;
import org.xenolith.cpu.jit.host.HostFeatures;

/** A number that differs when this emulator could translate differently: its classes, and the host CPU's features. */
final class EmulatorVersion {
    private EmulatorVersion() {
    }

    /** The number; empty when it cannot be found out. */
    static OptionalLong find() {
        try {
            CodeSource source = EmulatorVersion.class.getProtectionDomain().getCodeSource();
            if (source == null || source.getLocation() == null) {
                return OptionalLong.empty();
            }
            Path place = Path.of(source.getLocation().toURI());
            HostFeatures host = HostFeatures.detect();
            Mixer m = new Mixer().add(host.vendor()).add(host.ecx1()).add(host.edx1()).add(host.ebx7())
                    .add(host.ecx7()).add(host.ecxExt()).add(host.edxExt());
            return OptionalLong.of(m.add(classes(place)).value());
        } catch (IOException | URISyntaxException | IllegalArgumentException | HostException e) {
            return OptionalLong.empty();
        }
    }

    /** A digest of the classes in a jar (by the checksums in its directory) or a folder (by sizes and times). */
    static long classes(Path place) throws IOException {
        return Files.isDirectory(place) ? folder(place) : jar(place);
    }

    private static long jar(Path jar) throws IOException {
        long sum = 0;
        try (ZipFile zip = new ZipFile(jar.toFile())) {
            for (Enumeration<? extends ZipEntry> e = zip.entries(); e.hasMoreElements();) {
                ZipEntry entry = e.nextElement();
                sum += Mixer.mix(entry.getCrc() ^ (long) entry.getName().hashCode() << 32) + entry.getSize();
            }
        }
        return sum;
    }

    private static long folder(Path root) throws IOException {
        long[] sum = {0};
        for (String part : new String[]{"org/xenolith/cpu", "org/xenolith/memory"}) {
            Path folder = root.resolve(part);
            if (Files.isDirectory(folder)) {
                Files.walkFileTree(folder, new SimpleFileVisitor<>() {
                    @Override
                    public FileVisitResult visitFile(Path file, BasicFileAttributes a) {
                        sum[0] += new Mixer().add(root.relativize(file).toString().hashCode()).add(a.size())
                                .add(a.lastModifiedTime().to(java.util.concurrent.TimeUnit.NANOSECONDS)).value();
                        return FileVisitResult.CONTINUE;
                    }
                });
            }
        }
        return sum[0];
    }
}
