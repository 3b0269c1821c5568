package org.xenolith.architecture;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeSet;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/** What the compiler and the formatter do not check in the main sources of all modules. */
final class SourceStyleTest {
    private static final Pattern WILDCARD_IMPORT = Pattern.compile("(?m)^import .*\\*;");
    private static final Pattern PACKAGE_SENTENCE = Pattern
            .compile("(?s)/\\*\\*\\s+(\\* )?\\S.*?\\.\\s.*\\*/.*\\bpackage ");

    @Test
    void every_package_says_what_is_inside() throws IOException {
        SortedMap<String, Path> files = Sources.files();
        Set<String> folders = new TreeSet<>();
        for (String name : files.keySet()) {
            folders.add(name.substring(0, name.lastIndexOf('/')));
        }
        assertTrue(folders.contains("org/xenolith/cli"), () -> "sources not found, only " + folders);
        List<String> silent = new ArrayList<>();
        for (String folder : folders) {
            Path info = files.get(folder + "/package-info.java");
            if (info == null || !PACKAGE_SENTENCE.matcher(Files.readString(info)).find()) {
                silent.add(folder);
            }
        }
        assertEquals(List.of(), silent, "packages without a sentence in package-info.java");
    }

    @Test
    void imports_name_each_class() throws IOException {
        List<String> offenders = new ArrayList<>();
        for (Map.Entry<String, Path> file : Sources.files().entrySet()) {
            if (WILDCARD_IMPORT.matcher(Files.readString(file.getValue())).find()) {
                offenders.add(file.getKey());
            }
        }
        assertEquals(List.of(), offenders);
    }
}
