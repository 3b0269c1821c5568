package org.xenolith.devices.ps2;

/** Bytes on their way to the controller: answers to commands first, then what keys and movements made. */
final class ByteQueue {
    /** Bytes that a keyboard or mouse keeps for itself. */
    private static final int EVENTS = 16;
    private static final int ANSWERS = 16;

    private final int[] answers = new int[ANSWERS];
    private int answerCount;
    private final int[] events = new int[EVENTS];
    private int eventCount;

    boolean isEmpty() {
        return answerCount == 0 && eventCount == 0;
    }

    /** Whether that many bytes of an event find room. */
    boolean hasRoom(int bytes) {
        return eventCount + bytes <= EVENTS;
    }

    /** Adds an answer; lost when a host asks on and on without reading. */
    void answer(int value) {
        if (answerCount < ANSWERS) {
            answers[answerCount++] = value;
        }
    }

    void event(int value) {
        if (eventCount < EVENTS) {
            events[eventCount++] = value;
        }
    }

    /** Replaces the last byte: something was lost. */
    void overrun(int code) {
        events[EVENTS - 1] = code;
    }

    void clearEvents() {
        eventCount = 0;
    }

    void clear() {
        answerCount = 0;
        eventCount = 0;
    }

    /** Takes the next byte; there must be one. */
    int take() {
        int[] from = answerCount > 0 ? answers : events;
        int value = from[0];
        if (answerCount > 0) {
            System.arraycopy(from, 1, from, 0, --answerCount);
        } else {
            System.arraycopy(from, 1, from, 0, --eventCount);
        }
        return value;
    }
}
