# SPDX-License-Identifier: Apache-2.0
"""How Intel's Quote Verification Library finds the status of a TDX quote, and cases at random.

Written after the rules in QVL's source of 2026-07-13 (d12717e: Checks/TcbLevelCheck.cpp,
Checks/EvaluateTcb.cpp, Checks/TDRelaunchCheck.cpp, QuoteVerifier.cpp), which are Intel's reference;
nothing here was taken over from there or from the harness. Words that QVL does not know make it
refuse the whole TCB info; the harness refuses the level alone, and says "Unknown".
"""
import random

NOT_SUPPORTED, MISMATCH, UNKNOWN = "NotSupported", "TDXModuleMismatch", "Unknown"
PLATFORM = ("UpToDate", "SWHardeningNeeded", "ConfigurationNeeded", "ConfigurationAndSWHardeningNeeded", "OutOfDate",
            "OutOfDateConfigurationNeeded", "Revoked")
MODULE = ("UpToDate", "OutOfDate", "Revoked")
QE = MODULE + ("ConfigurationNeeded", "OutOfDateConfigurationNeeded")
GOOD = PLATFORM[:4]
CONFIGURE = {"ConfigurationNeeded", "OutOfDateConfigurationNeeded", "ConfigurationAndSWHardeningNeeded"}


class NotSupported(Exception):
    """QVL ends here, whatever else it found."""


def reaches(value, level):
    return all(v >= w for v, w in zip(value, level))


def svns(components):
    return [c["svn"] for c in components]


def word(level, known):
    """A level with a word that is not known ends the evaluation, as QVL's exception does."""
    if level["tcbStatus"] not in known:
        raise NotSupported(UNKNOWN)
    return level["tcbStatus"]


def isv_level(levels, svn):
    for level in sorted(levels, key=lambda lv: -lv["tcb"]["isvsvn"]):
        if svn >= level["tcb"]["isvsvn"]:
            return level
    raise NotSupported(NOT_SUPPORTED)


def module_of(info, version):
    wanted = f"TDX_{version:02X}"
    return next((m for m in info.get("tdxModuleIdentities", []) if m["id"].upper() == wanted), None)


def platform_level(case, svn):
    start = 2 if svn[1] > 0 else 0

    def order(level):
        tcb = level["tcb"]
        return svns(tcb["sgxtcbcomponents"]), tcb["pcesvn"], svns(tcb["tdxtcbcomponents"])

    for level in sorted(case["tcb_info"]["tcbLevels"], key=order, reverse=True):
        sgx, pcesvn, tdx = order(level)
        if (reaches(bytes.fromhex(case["components"]), sgx) and case["pcesvn"] >= pcesvn
                and reaches(svn[start:], tdx[start:])):
            return level
    raise NotSupported(NOT_SUPPORTED)


def evaluate(case, svn):
    """One TCB: its status, the earliest date, the advisories in order."""
    platform = platform_level(case, svn)
    status = word(platform, PLATFORM)
    levels, parts = [platform], []
    module = []
    if svn[1] > 0:
        identity = module_of(case["tcb_info"], svn[1])
        if not identity:
            raise NotSupported(NOT_SUPPORTED)
        level = isv_level(identity["tcbLevels"], svn[0])
        parts.append(word(level, MODULE))
        module = [level]
    qe = isv_level(case["qe_identity"]["tcbLevels"], case["qe_svn"])
    parts.append(word(qe, QE))
    levels += [qe] + module
    if "OutOfDate" in parts:
        status = {"UpToDate": "OutOfDate", "SWHardeningNeeded": "OutOfDate",
                  "ConfigurationNeeded": "OutOfDateConfigurationNeeded",
                  "ConfigurationAndSWHardeningNeeded": "OutOfDateConfigurationNeeded"}.get(status, status)
    if "Revoked" in parts:
        status = "Revoked"
    advisories = dict.fromkeys(a for level in levels for a in level.get("advisoryIDs", []))
    return [status, min(level["tcbDate"] for level in levels), list(advisories)]


def module_mismatch(case, svn):
    expected = case["tcb_info"]["tdxModule"]
    if svn[1] > 0:
        expected = module_of(case["tcb_info"], svn[1])
        if not expected:
            return True
    return (expected["mrsigner"].lower() != case["mrsignerseam"] or case["seam_attributes"] != "00" * 8
            or expected["attributes"] != "00" * 8)


def verdict(case):
    """Status, launch and current; the latter None where QVL says nothing of them."""
    svn, svn2 = bytes.fromhex(case["svn"]), bytes.fromhex(case["svn2"])
    if module_mismatch(case, svn):
        return MISMATCH, None, None
    try:
        launch = current = evaluate(case, svn)
        if case["body_type"] >= 3:
            current = evaluate(case, svn2)
    except NotSupported as end:
        return str(end), None, None
    status = launch[0]
    if status in ("OutOfDate", "OutOfDateConfigurationNeeded") and current[0] in GOOD:
        configure = status in CONFIGURE or current[0] in CONFIGURE
        status = "TDRelaunchAdvised" + ("ConfigurationNeeded" if configure else "")
    return status, launch, current


# ---- cases at random ----

DATES = [f"20{year}-{month:02d}-{day:02d}T00:00:00Z" for year in range(21, 27) for month in (1, 3, 8, 11) for day in (1, 9, 13)]
SIGNERS = ("00" * 48, "ab" * 48)


def components(r, low, high):
    if r.random() < 0.5:
        return [{"svn": r.randint(low, high)}] * 16
    return [{"svn": r.randint(low, high)} for _ in range(16)]


def status_of(r, known):
    """Revoked one time in ten of those that QVL knows: it outdoes the others."""
    if r.random() < 0.02:
        return r.choice(("Unheard", "TDRelaunchAdvised", "uptodate"))
    return r.choice(known) if r.random() < 0.4 else r.choice([s for s in known if s != "Revoked"])


def dated(r, level, known):
    level |= {"tcbDate": r.choice(DATES), "tcbStatus": status_of(r, known)}
    if r.random() < 0.5:
        level["advisoryIDs"] = [f"INTEL-SA-{r.randint(1, 9):05d}" for _ in range(r.randint(0, 4))]
    return level


def isv_levels(r, known):
    return [dated(r, {"tcb": {"isvsvn": n}}, known) for n in r.sample(range(8), r.randint(1, 4))]


def expectation(r):
    return {"mrsigner": r.choice(SIGNERS) if r.random() < 0.04 else SIGNERS[0],
            "attributes": "0000000000000001" if r.random() < 0.02 else "00" * 8, "attributesMask": "FF" * 8}


def tcb_levels(r):
    levels, seen = [], set()
    for _ in range(r.randint(1, 7)):
        tcb = {"sgxtcbcomponents": components(r, 0, 2), "pcesvn": r.randint(5, 7), "tdxtcbcomponents": components(r, 0, 3)}
        if r.random() < 0.5:  # as Intel's: the lower a level, the lower all of it
            n = len(levels)
            tcb = {"sgxtcbcomponents": [{"svn": max(0, 3 - n)}] * 16, "pcesvn": max(5, 8 - n),
                   "tdxtcbcomponents": [{"svn": max(0, 4 - n)}] * 16}
        if str(tcb) not in seen:
            seen.add(str(tcb))
            levels.append(dated(r, {"tcb": tcb}, PLATFORM))
    r.shuffle(levels)
    return levels


def tcb_info(r):
    info = {"id": "TDX", "version": 3, "issueDate": DATES[0], "nextUpdate": DATES[-1], "fmspc": "00806f050000",
            "pceId": "0000", "tcbType": 0, "tcbEvaluationDataNumber": r.randint(1, 20), "tdxModule": expectation(r),
            "tcbLevels": tcb_levels(r)}
    if r.random() < 0.9:
        ids = r.sample(("TDX_01", "tdx_03", "TDX_0A", "TDX_02", "TDX_1", "NEXT_01"), r.randint(2, 5))
        info["tdxModuleIdentities"] = [{"id": i, **expectation(r), "tcbLevels": isv_levels(r, MODULE)} for i in ids]
    return info


def qe_identity(r):
    return {"id": "TD_QE", "version": 2, "issueDate": DATES[0], "nextUpdate": DATES[-1],
            "tcbEvaluationDataNumber": r.randint(1, 20), "miscselect": "00000000", "miscselectMask": "FFFFFFFF",
            "attributes": "11" + "00" * 15, "attributesMask": "FB" + "FF" * 7 + "00" * 8, "mrsigner": "dc" * 32,
            "isvprodid": 2, "tcbLevels": isv_levels(r, QE)}


def tee_tcb_svn(r, info):
    """Of a module that is listed, mostly, and as high as the levels, mostly."""
    listed = [v for v in (1, 2, 3, 10) if module_of(info, v)]
    version = r.choice(listed) if listed and r.random() < 0.85 else r.choice((0, 0, 1, 9))
    rest = bytes([r.randint(1, 5)]) * 14 if r.random() < 0.7 else bytes(r.randint(0, 4) for _ in range(14))
    return bytes((r.randint(0, 9), version)) + rest


def case_at_random(r: random.Random):
    """A TCB info, a QE identity and the part of a quote of version 4 or 5 that they judge."""
    info = tcb_info(r)
    svn = tee_tcb_svn(r, info)
    later = bytes(n if i == 1 else min(9, n + r.randint(0, 3)) for i, n in enumerate(svn))
    part = bytes([r.randint(1, 5)]) * 16 if r.random() < 0.7 else bytes(r.randint(0, 3) for _ in range(16))
    return {"tcb_info": info, "qe_identity": qe_identity(r), "components": part.hex(), "pcesvn": r.randint(5, 10),
            "body_type": r.choice((2, 3, 4)), "svn": svn.hex(),
            "svn2": (later if r.random() < 0.7 else tee_tcb_svn(r, info)).hex(), "qe_svn": r.randint(1, 9),
            "mrsignerseam": SIGNERS[0], "seam_attributes": "0100" + "00" * 6 if r.random() < 0.02 else "00" * 8}
