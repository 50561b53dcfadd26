// This file lies in this folder so that the imports are found in the node_modules beside it.
import * as cli from 'cli-testing-library'
import { spawnd } from 'spawnd'
import treeKill from 'tree-kill'

export { cli, spawnd, treeKill }
