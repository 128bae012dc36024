/* SPDX-License-Identifier: Apache-2.0 */
/* The files of the HTML report, as they are, each with a NUL behind it. */
	.section .rodata
	.global report_page_html, report_page_css, report_page_js
report_page_html:
	.incbin "harness/report/page/page.html"
	.byte 0
report_page_css:
	.incbin "harness/report/page/page.css"
	.byte 0
report_page_js:
	.incbin "harness/report/page/page.js"
	.byte 0
	.section .note.GNU-stack, "", %progbits
