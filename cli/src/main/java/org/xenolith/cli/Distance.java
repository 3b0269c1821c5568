package org.xenolith.cli;

/** How alike two words are. */
final class Distance {
    private Distance() {
    }

    /** Whether one may be a slip for the other: at most a third of the letters changed, or one begins with the other. */
    static boolean near(String a, String b) {
        if (a.length() > 2 && b.startsWith(a) || b.length() > 2 && a.startsWith(b)) {
            return true;
        }
        return levenshtein(a, b) <= Math.max(a.length(), b.length()) / 3;
    }

    /** The number of letters to insert, remove or replace. */
    static int levenshtein(String a, String b) {
        int[] row = new int[b.length() + 1];
        for (int j = 0; j <= b.length(); j++) {
            row[j] = j;
        }
        for (int i = 1; i <= a.length(); i++) {
            int diagonal = row[0];
            row[0] = i;
            for (int j = 1; j <= b.length(); j++) {
                int replace = diagonal + (a.charAt(i - 1) == b.charAt(j - 1) ? 0 : 1);
                diagonal = row[j];
                row[j] = Math.min(replace, 1 + Math.min(row[j], row[j - 1]));
            }
        }
        return row[b.length()];
    }
}
