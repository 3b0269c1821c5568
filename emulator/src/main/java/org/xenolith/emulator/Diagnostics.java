package org.xenolith.emulator;

import java.util.Optional;
import java.util.function.Consumer;

/**
 * Aids for work on the emulator itself; none changes what a guest sees.
 *
 * @param translatorFaultAt instructions after which {@link Tier#LOCKSTEP} spoils a translation on purpose, {@link Long#MAX_VALUE} for never
 * @param translations hears the text of each block that is translated: its guest code beside its host code
 */
public record Diagnostics(long translatorFaultAt, Optional<Consumer<String>> translations) {
    /** Nothing of the kind. */
    public static final Diagnostics NONE = new Diagnostics(Long.MAX_VALUE, Optional.empty());
}
