package org.xenolith.guests.image.vhd;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.xenolith.guests.image.ByteStore;
import org.xenolith.guests.image.CheckReport;
import org.xenolith.guests.image.FileStore;

/** What the {@code image} command does with VHD files, by path. */
public final class VhdTools {
    private VhdTools() {
    }

    /** What an image says of itself, by qemu-img's names. */
    public static Map<String, Object> describe(Path path) throws IOException {
        try (ByteStore store = FileStore.open(path, false)) {
            VhdFooter footer = VhdFooter.read(store);
            Map<String, Object> all = new LinkedHashMap<>();
            all.put("virtual-size", footer.size());
            String kind = switch (footer.type()) {
                case VhdFooter.FIXED -> "fixed";
                case VhdFooter.DYNAMIC -> "dynamic";
                default -> "differencing";
            };
            if (footer.type() != VhdFooter.FIXED) {
                VhdHeader header = VhdHeader.read(store, footer);
                all.put("cluster-size", (long) header.blockSize());
                if (!header.parents().isEmpty()) {
                    all.put("backing-filename", header.parents().getFirst());
                    all.put("backing-filename-format", "vpc");
                }
            }
            all.put("format-specific", Map.of("subformat", kind));
            return all;
        }
    }

    /** Checks that blocks lie within the file and that no two overlap. */
    public static CheckReport check(Path path) throws IOException {
        try (ByteStore store = FileStore.open(path, false)) {
            VhdFooter footer = VhdFooter.read(store);
            if (footer.type() == VhdFooter.FIXED) {
                return new CheckReport(0, 0, 0, 0, 1, 1, 0, 0, store.size(), List.of());
            }
            VhdHeader header = VhdHeader.read(store, footer);
            DynamicVhd disk = new DynamicVhd(store, footer, header, Optional.empty(), true);
            long[] blocks = Arrays.stream(disk.table()).filter(sector -> sector != -1)
                    .mapToLong(sector -> (sector & 0xffff_ffffL) * 512).sorted().toArray();
            long length = header.bitmapBytes() + (long) header.blockSize();
            List<String> findings = new ArrayList<>();
            long corruptions = 0;
            for (int i = 1; i < blocks.length; i++) {
                if (blocks[i] - blocks[i - 1] < length) {
                    corruptions++;
                    if (findings.size() < 1000) {
                        findings.add("error: two blocks overlap at " + blocks[i]);
                    }
                }
            }
            long spare = disk.fileSize() - VhdFooter.LENGTH - disk.end();
            long leaks = Math.max(0, spare / length);
            if (leaks > 0) {
                findings.add("leak: " + spare + " bytes between the last block and the footer");
            }
            return new CheckReport(corruptions, leaks, 0, 0, header.tableEntries(), blocks.length, 0, 0, disk.end(),
                    findings);
        }
    }
}
