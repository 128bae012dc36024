# SPDX-License-Identifier: Apache-2.0
# bash completion of tception: verbs and options are what --help lists, the words of an option what its complaint
# expects, and cells what `tception list` lists; so nothing here has to follow the program.

_tception_help() { "$program" "${verb[@]}" --help 2>/dev/null; }

# What the option may be. Before --help, which ends it, only the option itself is looked at.
_tception_words() {
	local said
	said=$("$program" "${verb[@]}" "$1=?" --help 2>&1 >/dev/null </dev/null)
	[[ $said =~ expected\ ([a-z, -]+)$'\n' && ${BASH_REMATCH[1]} != a\ * ]] || return 1
	said=${BASH_REMATCH[1]// or /, }
	echo "${said//,/}"
}

_tception() {
	local IFS=$' \t\n' program=${COMP_WORDS[0]} cur=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]}
	local verb=() word option='' help words
	COMPREPLY=()
	for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
		[[ $'\n'$(_tception_help) == *$'\n  '"$word "* ]] || break
		verb+=("$word")
	done
	help=$(_tception_help)
	# bash takes `=` for a word of its own.
	if [[ $cur == '=' ]]; then
		option=$before cur=
	elif [[ $before == '=' ]]; then
		option=${COMP_WORDS[COMP_CWORD - 2]}
	elif [[ $before == --* && $help == *"$before="* ]]; then
		option=$before
	elif [[ $before == -? && $help =~ \ $before,\ (--[a-z-]+)= ]]; then
		option=${BASH_REMATCH[1]}
	fi
	if [[ $option == --cell ]]; then
		words=$("$program" list 2>/dev/null | cut -d ' ' -f 1)
	elif [[ $option ]]; then
		words=$(_tception_words "$option")
	elif [[ $cur == -* ]]; then
		words=$(grep -oE '^  (-., |    )--[a-z-]+=?' <<<"$help" | grep -o -- '--.*')
	else
		words=$(sed -nE 's/^  ([a-z-]+) +[^ ].*/\1/p' <<<"$help")
	fi
	mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur")
	if [[ ${COMPREPLY[0]-} == *= ]]; then
		compopt -o nospace 2>/dev/null
	elif [[ -z $words ]]; then
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		compopt -o filenames 2>/dev/null
	fi
	return 0
}
complete -F _tception tception
