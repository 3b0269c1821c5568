package org.xenolith.hypervisor.blkback;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

final class VirtualDeviceTest {
    @ParameterizedTest
    @CsvSource({"xvda, 51712", "xvdb, 51728", "xvda1, 51713", "xvdp15, 51967", "xvdq, 268439552", "xvdaa, 268442112",
        "xvda16, 268435472", "sda, 2048", "sdb2, 2066", "hda, 768", "hdb, 832", "hdc, 5632", "hdd3, 5699",
        "/dev/xvda, 51712"})
    void names_have_the_numbers_that_xen_gives_them(String name, int number) {
        assertEquals(number, VirtualDevice.of(name).number());
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "xvd", "vda", "xvda0", "xvda256", "sdq", "sda16", "hde", "hda64", "xvdA", "xvda1x",
        "xvdabcde", "../xvda"})
    void other_names_are_refused(String name) {
        assertThrows(IllegalArgumentException.class, () -> VirtualDevice.of(name));
    }

    @Test
    void disks_are_lettered_in_order() {
        assertEquals("xvda", VirtualDevice.xvd(0).name());
        assertEquals("xvdz", VirtualDevice.xvd(25).name());
        assertEquals("xvdaa", VirtualDevice.xvd(26).name());
    }
}
