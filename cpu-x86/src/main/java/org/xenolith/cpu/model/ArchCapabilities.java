package org.xenolith.cpu.model;

/**
 * IA32_ARCH_CAPABILITIES (SDM vol. 4, MSR 10Ah): an emulator has none of the speculation faults that these bits deny, so that guests
 * need no page-table isolation, buffer clearing or retpolines. (Linux does not believe BHI_NO; it is content with BHI_CTRL.)
 */
final class ArchCapabilities {
    static final long RDCL_NO = 1;
    static final long IBRS_ALL = 1 << 1;
    static final long SKIP_L1DFL_VMENTRY = 1 << 3;
    static final long SSB_NO = 1 << 4;
    static final long MDS_NO = 1 << 5;
    static final long PSCHANGE_MC_NO = 1 << 6;
    static final long TAA_NO = 1 << 8;
    static final long SBDR_SSDP_NO = 1 << 13;
    static final long FBSDP_NO = 1 << 14;
    static final long PSDP_NO = 1 << 15;
    static final long BHI_NO = 1 << 20;
    static final long PBRSB_NO = 1 << 24;
    static final long GDS_NO = 1 << 26;
    static final long RFDS_NO = 1 << 27;
    static final long ITS_NO = 1L << 62;

    static final long IMMUNE = RDCL_NO | IBRS_ALL | SKIP_L1DFL_VMENTRY | SSB_NO | MDS_NO | PSCHANGE_MC_NO | TAA_NO
            | SBDR_SSDP_NO | FBSDP_NO | PSDP_NO | BHI_NO | PBRSB_NO | GDS_NO | RFDS_NO | ITS_NO;

    private ArchCapabilities() {
    }
}
