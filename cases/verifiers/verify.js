// SPDX-License-Identifier: Apache-2.0
// verify.js PCCS QUOTE ROOT.pem: what @phala/dcap-qvl and the WebAssembly build of its Rust original say of a
// quote, with the PCCS' collateral; as JSON. The Rust build has Intel's root only.
const fs = require('fs');
const path = require('path');
const { pathToFileURL } = require('url');

async function attempt(f) {
    try {
        return await f();
    } catch (e) {
        return `refused: ${e.message || e}${e.cause ? `: ${e.cause.message}` : ''}`;
    }
}

async function main(pccs, quotePath, rootPath) {
    const modules = path.join(process.env.VERIFIERS, 'node_modules');
    const js = require(path.join(modules, '@phala/dcap-qvl'));
    const rustPath = path.join(modules, '@phala/dcap-qvl-web');
    const rust = await import(pathToFileURL(path.join(rustPath, 'dcap-qvl-web.js')));
    await rust.default({ module_or_path: fs.readFileSync(path.join(rustPath, 'dcap-qvl-web_bg.wasm')) });

    const quote = fs.readFileSync(quotePath);
    const root = Buffer.from(fs.readFileSync(rootPath, 'latin1').replace(/-----[^-]*-----/g, ''), 'base64');
    const now = Math.floor(Date.now() / 1000);
    const collateral = await js.getCollateral(pccs, quote);
    const ours = new js.QuoteVerifier(root);
    return {
        js: await attempt(() => ours.verify(quote, collateral, now).status),
        js_with_intels_root: await attempt(() => js.verify(quote, collateral, now).status),
        rust_with_intels_root: await attempt(async () =>
            rust.js_verify(quote, await rust.js_get_collateral(pccs, quote), BigInt(now)).status),
    };
}

main(...process.argv.slice(2)).then((said) => console.log(JSON.stringify(said)));
