package org.xenolith.cli;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.xenolith.guests.image.DiskException;
import org.xenolith.guests.image.DiskFormat;
import org.xenolith.guests.image.DiskImages;
import picocli.CommandLine.ITypeConverter;

/** What the commands on images share: formats and sizes as options, errors of files, JSON. */
final class ImageFiles {
    static final String LIST_0 = "0:done";
    private static final int SECTOR = 512;

    private ImageFiles() {
    }

    /** A format's name. */
    static final class Format implements ITypeConverter<DiskFormat> {
        @Override
        public DiskFormat convert(String text) {
            return DiskFormat.named(text).orElseThrow(() -> Values.bad(text, "is not one of raw, qcow2, vhd"));
        }
    }

    /** Bytes as qemu-img has them: a bare number is bytes. */
    static final class Bytes implements ITypeConverter<Long> {
        @Override
        public Long convert(String text) {
            return text.matches("[0-9]{1,18}") ? Long.valueOf(text) : new Values.Size().convert(text);
        }
    }

    /** Work on images; what goes wrong with a file becomes one line. */
    @FunctionalInterface
    interface Work<T> {
        T run() throws Exception;
    }

    static <T> T with(Work<T> work) throws Exception {
        try {
            return work.run();
        } catch (DiskException e) {
            throw new UserError(e.getMessage(), e);
        } catch (NoSuchFileException e) {
            throw UserError.noFile(e.getFile(), "");
        }
    }

    /** The format that was named, or that the file begins with. */
    static DiskFormat format(Path path, DiskFormat named) throws IOException {
        return named != null ? named : DiskImages.recognise(path).orElse(DiskFormat.RAW);
    }

    /** Options as {@code -o a=b,c=d} has them; {@code ,,} is a comma within a value. */
    static Map<String, String> options(List<String> texts) throws UserError {
        Map<String, String> options = new LinkedHashMap<>();
        for (String text : texts) {
            for (String option : text.replace(",,", "\0").split(",", -1)) {
                int equals = option.indexOf('=');
                if (equals <= 0) {
                    throw UserError.usage("-o: '" + option + "' is not NAME=VALUE");
                }
                options.put(option.substring(0, equals), option.substring(equals + 1).replace('\0', ','));
            }
        }
        return options;
    }

    /** The length of a raw disk in its file. */
    static long rawSize(Path path) throws IOException {
        return (Files.size(path) + SECTOR - 1) / SECTOR * SECTOR;
    }

    /** A tree of maps, lists, texts and numbers as JSON. */
    static String json(Object tree) throws JsonProcessingException {
        ObjectMapper mapper = new ObjectMapper().enable(SerializationFeature.INDENT_OUTPUT);
        return mapper.writeValueAsString(mapper.<JsonNode> valueToTree(tree));
    }

    static Optional<String> text(Map<String, Object> values, String name) {
        return Optional.ofNullable((String) values.get(name));
    }

    /** A copy of a list that may be null. */
    static <T> List<T> orEmpty(List<T> list) {
        return list == null ? List.of() : new ArrayList<>(list);
    }
}
