#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# npm's @phala/dcap-qvl 0.3.9 does not read the TDX module identities of Intel's TCB info (known: Phala-Network/dcap-qvl#124, and
# mended in its Rust original by #138). Of a TDX 1.5 module (byte 1 of TEE_TCB_SVN is not 0) bytes 0 and 1 are no part of the TCB
# level's comparison: the identity of its version says what its SVN is worth. This library compares them with the level's. So a
# genuine quote whose module 1.5 has SVN 2, while no level has less than 3, is refused as "No matching TCB level found"; Intel's own
# library answered OutOfDate (cases/golden/collateral/verdicts.json). Too strict here; that a relaunch is advised it can't say either.
set -euo pipefail
version=0.3.9
golden=$(cd "$(dirname "$0")/../cases/golden" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm install --silent --ignore-scripts --no-audit --no-fund "@phala/dcap-qvl@$version" >/dev/null
cat >say.cjs <<'EOF'
const fs = require('fs');
const { verify } = require('@phala/dcap-qvl');
const [golden, quote, bundle, time] = process.argv.slice(2);
const raw = fs.readFileSync(`${golden}/quote/${quote}.bin`);
const collateral = JSON.parse(fs.readFileSync(`${golden}/collateral/${bundle}.json`));
const tcbInfo = JSON.parse(collateral.tcb_info);
let said;
try {
    said = verify(raw, collateral, Number(time)).status;
} catch (e) {
    said = e.message;
}
const lowest = Math.min(...tcbInfo.tcbLevels.map((l) => l.tcb.tdxtcbcomponents[0].svn));
const identity = tcbInfo.tdxModuleIdentities.find((m) => m.id === `TDX_0${raw[49]}`);
const status = identity?.tcbLevels.find((l) => l.tcb.isvsvn <= raw[48])?.tcbStatus ?? 'no identity';
console.log(`module ${raw[49]} SVN ${raw[48]}, lowest level ${lowest}, by its identity ${status}: ${said}`);
EOF
old=$(node say.cjs "$golden" 7ea0d11cfdd8 60c2bf34 1770801952)
new=$(node say.cjs "$golden" 9c3786b9b3d6 60c2bf34 1770801952)
echo "dcap-qvl $version: $old"
echo "dcap-qvl $version: $new"
[ "$old" = "module 1 SVN 2, lowest level 3, by its identity OutOfDate: No matching TCB level found" ] &&
	[[ $new = "module 1 SVN "*": UpToDate" ]] || { echo CHANGED; exit 1; }
