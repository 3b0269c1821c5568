package org.xenolith.architecture;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.SortedSet;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Links of the Markdown files that do not leave the repository: each leads to a file or folder, and to a heading in it. */
final class DocumentationTest {
    /** Folders of the checkout that are not part of the repository. */
    private static final Set<String> NOT_OURS = Set.of(".git", ".cache", "target");
    private static final Pattern FENCED = Pattern.compile("(?ms)^ {0,3}(```+|~~~+).*?(^ {0,3}\\1[`~]*[ \\t]*$|\\z)");
    private static final Pattern CODE = Pattern.compile("(?s)(?<!`)(`+)(?!`)(.+?)(?<!`)\\1(?!`)");
    /** The end of a link or image; a target may hold one level of parentheses. */
    private static final Pattern INLINE = Pattern
            .compile("\\]\\(\\s*<?([^\\s<>()]*(?:\\([^\\s<>()]*\\)[^\\s<>()]*)*)>?(?:\\s+[\"'(][^)]*)?\\s*\\)");
    private static final Pattern DEFINITION = Pattern.compile("(?m)^ {0,3}\\[[^\\]]+\\]:[ \\t]*<?([^\\s<>]+)>?");
    private static final Pattern SCHEME = Pattern.compile("(?:[A-Za-z][A-Za-z0-9+.-]*:|//).*");
    private static final Pattern HEADING = Pattern.compile("(?m)^ {0,3}#{1,6}[ \\t]+(.*?)[ \\t]*#*[ \\t]*$");

    @TempDir
    Path folder;

    @Test
    void every_relative_link_resolves() throws IOException {
        SortedSet<Path> files = markdown(Sources.root());
        assertTrue(files.contains(Sources.root().resolve("README.md")), () -> "only " + files);
        assertEquals(List.of(), broken(Sources.root()));
    }

    @Test
    void links_that_lead_nowhere_are_found() throws IOException {
        Files.createDirectory(folder.resolve("docs"));
        Files.writeString(folder.resolve("docs/a.md"), """
                # What it is: `A` & more
                [good](#what-it-is-a--more), [good](../b.md#same-1 "title"), [folder](../docs/), [web](https://nowhere.invalid/x)
                [![image](gone.png)](b.md)
                [no heading](../b.md#other) and [none here](#none), [outside](../../etc)
                """);
        Files.writeString(folder.resolve("b.md"), """
                ## Same
                ## Same
                [reference]: docs/missing.md
                [space](docs/a%20b.md) [root](/docs/a.md) [bad escape](docs/%zz)
                """);
        assertEquals(List.of("b.md: docs/missing.md", "b.md: docs/%zz", "b.md: docs/a%20b.md", "docs/a.md: #none",
                "docs/a.md: ../../etc", "docs/a.md: ../b.md#other", "docs/a.md: b.md", "docs/a.md: gone.png").stream()
                .sorted().toList(), broken(folder));
    }

    @Test
    void text_in_code_is_no_link() throws IOException {
        Files.writeString(folder.resolve("a.md"), """
                `[a](b)` and ``[a](`b)``
                ```java
                map[k](gone);
                # no heading
                ```
                [after](#no-heading)
                """);
        assertEquals(List.of("a.md: #no-heading"), broken(folder));
    }

    /** Links below {@code root} that lead nowhere or out of it, as {@code FILE: LINK}, sorted. */
    private static List<String> broken(Path root) throws IOException {
        SortedSet<String> broken = new TreeSet<>();
        for (Path file : markdown(root)) {
            for (String link : links(Files.readString(file))) {
                if (!resolves(root, file, link)) {
                    broken.add(root.relativize(file) + ": " + link);
                }
            }
        }
        return List.copyOf(broken);
    }

    private static SortedSet<Path> markdown(Path root) throws IOException {
        SortedSet<Path> files = new TreeSet<>();
        Files.walkFileTree(root, new SimpleFileVisitor<>() {
            @Override
            public FileVisitResult preVisitDirectory(Path dir, BasicFileAttributes attributes) {
                boolean ours = dir.equals(root) || !NOT_OURS.contains(dir.getFileName().toString());
                return ours ? FileVisitResult.CONTINUE : FileVisitResult.SKIP_SUBTREE;
            }

            @Override
            public FileVisitResult visitFile(Path file, BasicFileAttributes attributes) {
                if (file.toString().endsWith(".md")) {
                    files.add(file);
                }
                return FileVisitResult.CONTINUE;
            }
        });
        return files;
    }

    /** Targets of the links and images, without those that name a scheme or host. */
    private static List<String> links(String text) {
        String plain = CODE.matcher(FENCED.matcher(text).replaceAll("")).replaceAll("");
        List<String> links = new ArrayList<>();
        for (Pattern pattern : List.of(INLINE, DEFINITION)) {
            Matcher m = pattern.matcher(plain);
            while (m.find()) {
                if (!SCHEME.matcher(m.group(1)).matches()) {
                    links.add(m.group(1));
                }
            }
        }
        return links;
    }

    private static boolean resolves(Path root, Path file, String link) throws IOException {
        int hash = link.indexOf('#');
        Path target = file;
        if (hash != 0) {
            String path;
            try {
                path = URLDecoder.decode((hash < 0 ? link : link.substring(0, hash)).replace("+", "%2B"),
                        StandardCharsets.UTF_8);
            } catch (IllegalArgumentException e) {
                return false;
            }
            // as the forges read it: a leading slash is the top of the repository
            target = (path.startsWith("/") ? root.resolve(path.substring(1)) : file.resolveSibling(path)).normalize();
        }
        if (!target.startsWith(root) || !Files.exists(target)) {
            return false;
        }
        return hash < 0 || !target.toString().endsWith(".md")
                || anchors(Files.readString(target)).contains(link.substring(hash + 1));
    }

    /** Names of the headings as GitHub makes them: lower case, spaces as hyphens, no punctuation, repeats numbered. */
    private static Set<String> anchors(String text) {
        Set<String> anchors = new HashSet<>();
        Matcher m = HEADING.matcher(FENCED.matcher(text).replaceAll(""));
        while (m.find()) {
            String name = m.group(1).replaceAll("\\]\\([^)]*\\)", "").toLowerCase(Locale.ROOT)
                    .replaceAll("[^\\p{L}\\p{N}\\p{M}_ -]", "").replace(' ', '-');
            String free = name;
            for (int n = 1; !anchors.add(free); n++) {
                free = name + "-" + n;
            }
        }
        return anchors;
    }
}
