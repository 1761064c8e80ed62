/** The process of the role `proxy`; started by the supervisor. */
import { runProxy } from '../app.ts'
import { runRole } from '../supervisor/role-process.ts'

runRole(runProxy)
