/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What layer 0's kernel is told; scripts/nested-run and scripts/bench/prompt read these strings, too.
 * 8250.nr_uarts=1 and cryptomgr.notests are most of what makes a boot under TCG short; panic=-1 with
 * -no-reboot turns a panic into QEMU's end.
 */
#define KERNEL_CMDLINE                                                                      \
	"console=ttyS0 quiet panic=-1 nokaslr tsc=reliable no_timer_check 8250.nr_uarts=1 " \
	"cryptomgr.notests random.trust_cpu=on"

/*
 * More of it where QEMU translates the guest's code: at the same addresses in each process, code is
 * translated once and not for each of them; pages are not zeroed twice; what the kernel does about
 * speculation has nothing to protect there; and the jitter of a CPU's timing, which is measured at
 * the boot for random numbers of the crypto API that nothing here takes, is not this CPU's.
 */
#define TCG_CMDLINE " norandmaps init_on_alloc=0 mitigations=off initcall_blacklist=jent_mod_init"

/*
 * And where there is one CPU, timers that expire at the tick, which the local APIC makes by itself.
 * Set for each timer (Go's runtime sleeps for 20 us) it interrupted and was written to a thousand
 * times a second, and each of both is an exit to the TDX module, at which TCG forgets all
 * translations. Many CPUs that are idle would tick, too, and take the machine from those that work.
 */
#define TICK_CMDLINE " highres=off nohz=off"
